package fair

import (
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// On a processor that is never without work, whoever waits for the network is found after a few slices.
func TestNetworkIsSeenBetweenSlices(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var got atomic.Int64
	go func() {
		for b := make([]byte, 1); ; got.Add(1) {
			if _, err := server.Read(b); err != nil {
				return
			}
		}
	}()
	for now, sent := time.Now(), int64(1); sent <= 100; sent++ {
		if _, err := client.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		for range 6 {
			now = now.Add(lookAfter)
			network().pass(now)
		}
		if got.Load() < sent {
			t.Fatalf("message %d was not seen after 6 slices", sent)
		}
	}
}
