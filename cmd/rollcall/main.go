package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], Streams{os.Stdout, os.Stderr}))
}

// run runs the program and returns its exit status.
func run(ctx context.Context, args []string, s Streams) int {
	command, err := ParseFlags(args, s)
	if err != nil {
		fmt.Fprintf(s.Err, "rollcall: %v\nSee rollcall --help.\n", err)
		return exitUsage
	}
	err = command.Run(ctx, s)
	if errors.Is(err, errReplace) {
		err = replaceProcess()
	}
	if err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintf(s.Err, "rollcall: %v\n", err)
		}
		return exitFailed
	}
	return 0
}

// errSaid is the error of a command that has already printed why it failed.
var errSaid = errors.New("failed")

// Streams are where a command writes: results go to Out, logs and errors to Err.
type Streams struct{ Out, Err io.Writer }

// Command is one of the program's commands with its flags.
type Command interface {
	// Run returns when the command is done, or soon after ctx ends.
	Run(ctx context.Context, s Streams) error
}

// commands is the command line.
type commands struct {
	Serve Serve `cmd:"" help:"Run the service."`
	Demo  struct {
		Run    Demo       `cmd:"" default:"withargs" help:"Run the service with an identity provider and sample data."`
		SignIn DemoSignIn `cmd:"" help:"Sign in to a running demo, as a browser would."`
	} `cmd:"" help:"Try the service with a demo identity provider and sample data."`
	Etcd struct {
		Heal EtcdHeal `cmd:"" help:"Make room in an etcd cluster that ran out of its quota."`
	} `cmd:"" help:"Look after an etcd cluster."`
	Snapshot struct {
		Save    SnapshotSave    `cmd:"" help:"Save a snapshot of all data of a running service to a file."`
		Verify  SnapshotVerify  `cmd:"" help:"Check that a snapshot is whole, and print what it holds."`
		Restore SnapshotRestore `cmd:"" help:"Make a new data folder from a snapshot."`
	} `cmd:"" help:"Back up and restore all data."`
	Health  Health           `cmd:"" help:"Check whether a running service is ready."`
	Version kong.VersionFlag `env:"-" help:"Print the version."`
}

// ParseFlags returns the command that the arguments (without the program's name) and the environment select. With
// --help or --version it prints and ends the process.
func ParseFlags(args []string, s Streams) (Command, error) {
	parser, err := kong.New(&commands{}, kong.Name("rollcall"),
		kong.Description("A SCIM 2.0 directory that signs people in through SAML."),
		kong.DefaultEnvars("ROLLCALL"), kong.Writers(s.Out, s.Err), kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return nil, err
	}
	return parsed.Selected().Target.Addr().Interface().(Command), nil
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return v
}
