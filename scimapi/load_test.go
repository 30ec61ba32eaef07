package scimapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// loadVariable holds the load, as JSON, in the environment of the process that generates it.
const loadVariable = "ROLLCALL_TEST_LOAD"

// load is a number of GETs over a few connections.
type load struct {
	Addr        string
	Requests    []string // taken in turn: whole HTTP/1.1 requests
	N           int
	Connections int
}

// serverCPU serves h to another process that sends n requests, and returns the CPU time that one of them took here.
func serverCPU(b *testing.B, h http.Handler, paths []string, token string, n int) time.Duration {
	b.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	l := load{Addr: strings.TrimPrefix(s.URL, "http://"), N: n, Connections: 2}
	for _, p := range paths {
		l.Requests = append(l.Requests, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer "+
			"%s\r\nAccept: application/scim+json\r\n\r\n", p, l.Addr, token))
	}
	text, err := json.Marshal(l)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), loadVariable+"=stdin")
	cmd.Stdin = strings.NewReader(string(text))
	cmd.Stderr = os.Stderr
	before := cpuTime(b)
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return (cpuTime(b) - before) / time.Duration(n)
}

// cpuTime returns the CPU time that this process has used, without its children.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// generateLoad is what the other process does.
func generateLoad() {
	var l load
	if err := json.NewDecoder(os.Stdin).Decode(&l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for c := range l.Connections {
		wg.Go(func() {
			if err := l.connection(c); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		})
	}
	wg.Wait()
}

func (l load) connection(c int) error {
	conn, err := net.Dial("tcp", l.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := c; i < l.N; i += l.Connections {
		if _, err := io.WriteString(conn, l.Requests[i%len(l.Requests)]); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
	}
	return nil
}
