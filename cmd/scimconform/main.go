package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
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
	case o.Publish != "":
		return o.publish(stdout)
	case o.URL == "":
		return exitError, errors.New("--url is missing: the base URL of the service to judge")
	case len(o.Reports) > 0:
		return exitError, fmt.Errorf("unexpected argument %q: reports are for --diff and --publish", o.Reports[0])
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
		if werr := errors.Join(rep.WriteText(stdout, o.detail()), o.write(rep)); werr != nil {
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
	case c.Failed > 0 || o.Strict && c.Warned+c.Unstable > 0 || len(rep.Leftovers) > 0:
		return exitFindings
	case c.Passed+c.Warned+c.Info+c.Unstable == 0:
		return exitError
	}
	return exitClean
}

// write writes the report files that were asked for.
func (o *options) write(rep conformance.Report) error {
	for _, f := range []struct {
		path  string
		write func(io.Writer) error
	}{{o.JSON, rep.WriteJSON}, {o.JUnit, rep.WriteJUnit}, {o.HTML, rep.WriteHTML}, {o.Badge, rep.WriteBadge}} {
		if f.path == "" {
			continue
		}
		if err := conformance.WriteFile(f.path, f.write); err != nil {
			return err
		}
	}
	return nil
}

// detail is how much is printed.
func (o *options) detail() int {
	switch {
	case o.Quiet:
		return conformance.Brief
	case o.All:
		return conformance.Full
	}
	return conformance.Normal
}

// publish writes the site of the reports given as arguments.
func (o *options) publish(stdout io.Writer) (int, error) {
	var reports []conformance.Report
	for _, path := range o.Reports {
		rep, err := read(path)
		if err != nil {
			return exitError, err
		}
		reports = append(reports, rep)
	}
	if err := conformance.Publish(o.Publish, reports); err != nil {
		return exitError, fmt.Errorf("--publish: %w", err)
	}
	fmt.Fprintf(stdout, "%d reports in %s\n", len(reports), filepath.Join(o.Publish, "index.html"))
	return exitClean, nil
}

func read(path string) (conformance.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return conformance.Report{}, err
	}
	defer file.Close()
	rep, err := conformance.ReadJSON(file)
	if err != nil {
		return rep, fmt.Errorf("%s: %w", path, err)
	}
	return rep, nil
}

func (o *options) compare(stdout io.Writer) (int, error) {
	if len(o.Reports) != 2 {
		return exitError, fmt.Errorf("--diff needs two reports made with --json, an older and a newer one; got %d",
			len(o.Reports))
	}
	var reps [2]conformance.Report
	for i, path := range o.Reports {
		var err error
		if reps[i], err = read(path); err != nil {
			return exitError, err
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
