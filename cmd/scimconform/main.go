package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"rollcall/conformance"
)

// The exit statuses.
const (
	exitClean    = 0
	exitFindings = 1
	exitError    = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: arguments in, exit status out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	exit := -1
	parser, err := kong.New(&o,
		kong.Name("scimconform"),
		kong.Description("Judges a SCIM 2.0 server over HTTP: what is wrong, why, and where the RFC says so."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(stderr, "scimconform:", err)
		return exitError
	}
	_, err = parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintf(stderr, "scimconform: %v (--help tells the flags)\n", err)
		return exitError
	}
	code, err := o.perform(ctx, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "scimconform:", err)
		return exitError
	}
	return code
}

func (o *options) perform(ctx context.Context, stdout, stderr io.Writer) (int, error) {
	switch {
	case o.List:
		return exitClean, list(stdout)
	case o.Explain != "":
		return exitClean, explain(stdout, o.Explain)
	case o.Diff:
		return o.compare(stdout)
	case o.URL == "":
		return exitError, errors.New("--url is missing: the base URL of the service to judge")
	case len(o.Reports) > 0:
		return exitError, fmt.Errorf("unexpected argument %q: reports are compared with --diff", o.Reports[0])
	}
	t, err := o.target()
	if err != nil {
		return exitError, err
	}
	if o.Clean {
		n, err := conformance.Clean(ctx, t)
		fmt.Fprintf(stdout, "%d resources deleted\n", n)
		return exitClean, err
	}
	t.Progress = newProgress(stderr).show
	return o.judge(ctx, t, stderr, stdout)
}

// judge runs the suite and writes what it saw. A run that began has something
// to tell, even if it did not end.
func (o *options) judge(ctx context.Context, t conformance.Target, stderr, stdout io.Writer) (int, error) {
	rep, err := conformance.Run(ctx, t)
	newProgress(stderr).clear()
	if rep.URL != "" {
		if werr := errors.Join(rep.WriteText(stdout), o.write(rep)); werr != nil {
			return exitError, werr
		}
	}
	if err != nil {
		return exitError, err
	}
	return o.status(rep), nil
}

// status is the exit status for a finished run. A run that observed nothing is
// no pass.
func (o *options) status(rep conformance.Report) int {
	c := rep.Counts
	switch {
	case c.Failed > 0 || o.Strict && c.Warned > 0 || len(rep.Leftovers) > 0:
		return exitFindings
	case c.Passed+c.Warned+c.Info == 0:
		return exitError
	}
	return exitClean
}

// write writes the report files that were asked for.
func (o *options) write(rep conformance.Report) error {
	for _, f := range []struct {
		path  string
		write func(io.Writer) error
	}{{o.JSON, rep.WriteJSON}, {o.JUnit, rep.WriteJUnit}, {o.HTML, rep.WriteHTML}} {
		if f.path == "" {
			continue
		}
		file, err := os.Create(f.path)
		if err != nil {
			return err
		}
		if err := errors.Join(f.write(file), file.Close()); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	return nil
}

func (o *options) compare(stdout io.Writer) (int, error) {
	if len(o.Reports) != 2 {
		return exitError, fmt.Errorf("--diff needs two reports made with --json, an older and a newer one; got %d", len(o.Reports))
	}
	var reps [2]conformance.Report
	for i, path := range o.Reports {
		file, err := os.Open(path)
		if err != nil {
			return exitError, err
		}
		reps[i], err = conformance.ReadJSON(file)
		file.Close()
		if err != nil {
			return exitError, fmt.Errorf("%s: %w", path, err)
		}
	}
	worse, err := conformance.WriteDiff(stdout, conformance.Diff(reps[0], reps[1]))
	if err != nil {
		return exitError, err
	}
	if worse {
		return exitFindings, nil
	}
	return exitClean, nil
}
