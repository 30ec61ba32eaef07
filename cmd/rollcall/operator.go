package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// minOperatorToken is the least length of an operator token: it gives full access, so guessing it must be hopeless.
const minOperatorToken = 20

// operatorToken returns the token that is given or kept in the data folder. If there is none yet, it generates one;
// only then is created the file that it wrote the token to.
func (n *Node) operatorToken(d *dataDir) (token, created string, err error) {
	if n.OperatorToken != "" {
		if err := checkOperatorToken(n.OperatorToken); err != nil {
			return "", "", fmt.Errorf("ROLLCALL_OPERATOR_TOKEN: %w", err)
		}
		return n.OperatorToken, "", nil
	}
	path := d.file("operator.token")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		token := "operator-" + rand.Text()
		return token, path, writeSecret(path, token)
	}
	if err != nil {
		return "", "", err
	}
	token = strings.TrimSpace(string(text))
	if err := checkOperatorToken(token); err != nil {
		return "", "", fmt.Errorf("%s: %w", path, err)
	}
	return token, "", nil
}

// checkOtherTokens checks the operator tokens that are accepted besides.
func (n *Node) checkOtherTokens() error {
	for _, token := range n.PreviousOperatorToken {
		if err := checkOperatorToken(token); err != nil {
			return fmt.Errorf("ROLLCALL_PREVIOUS_OPERATOR_TOKEN: %w", err)
		}
	}
	return nil
}

// checkOperatorToken checks that the token can be sent in a header (RFC 6750 §2.1) and is long enough.
func checkOperatorToken(token string) error {
	if len(token) < minOperatorToken {
		return fmt.Errorf("the token has %d characters; it needs at least %d", len(token), minOperatorToken)
	}
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return errors.New("the token must consist of visible ASCII characters")
		}
	}
	return nil
}
