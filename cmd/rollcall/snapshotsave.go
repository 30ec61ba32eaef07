package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"rollcall/directory/backup"
)

// SnapshotSave is `rollcall snapshot save`.
type SnapshotSave struct {
	File string `arg:"" help:"File to save to; it must not exist."`

	Service       Health `embed:""`
	OperatorToken string `placeholder:"TOKEN" help:"Operator token of the service; by default {data}/operator.token."`
	Data          string `default:"./rollcall-data" help:"Data folder, for its operator.token."`
}

// Run saves a snapshot whole and verified, or not at all.
func (c *SnapshotSave) Run(ctx context.Context, s Streams) (err error) {
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already: choose another name, or move it away", c.File)
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".snapshot-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(c.download(ctx, token, f), f.Sync(), f.Close()); err != nil {
		return err
	}
	info, err := backup.Verify(f.Name())
	if err != nil {
		return fmt.Errorf("the snapshot did not arrive whole: %w", err)
	}
	if err := os.Link(f.Name(), c.File); err != nil { // unlike a rename, this replaces nothing
		return err
	}
	return describe(s, c.File, info)
}

// token is the given operator token, or that of the data folder.
func (c *SnapshotSave) token() (string, error) {
	if c.OperatorToken != "" {
		return c.OperatorToken, nil
	}
	text, err := os.ReadFile(filepath.Join(c.Data, "operator.token"))
	if err != nil {
		return "", fmt.Errorf("ROLLCALL_OPERATOR_TOKEN is not set, and --data has no operator token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// download writes what the service sends. There is no limit of time: ctx ends it.
func (c *SnapshotSave) download(ctx context.Context, token string, to io.Writer) error {
	address, client, err := c.Service.target()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+snapshotPath, nil)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return fmt.Errorf("%s answers %s: %s", address, response.Status, strings.TrimSpace(string(body)))
	}
	if _, err := io.Copy(to, response.Body); err != nil {
		return fmt.Errorf("the snapshot did not arrive whole: %w", err)
	}
	return nil
}
