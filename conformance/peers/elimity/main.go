// Command elimity serves the peer of package internal/elimity on 127.0.0.1, on
// the port given as its argument, until its input ends.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"rollcall/conformance/internal/elimity"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "elimity: give a port")
		os.Exit(2)
	}
	h, err := elimity.Handler()
	if err == nil {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Args[1])); err == nil {
			fmt.Println("listening")
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				os.Exit(0)
			}()
			err = http.Serve(l, h)
		}
	}
	fmt.Fprintln(os.Stderr, "elimity:", err)
	os.Exit(1)
}
