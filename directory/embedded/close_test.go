package embedded

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// An etcd that is closed while it is asked answers or says that it is closed; it does not panic.
func TestCloseUnderCalls(t *testing.T) {
	for range 5 {
		e, err := StartUnsafe(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		asking := make(chan struct{}, 100)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					ctx, cancel := context.WithCancel(t.Context())
					go cancel() // the call goes on without its caller
					_, err := e.Client.Status(ctx, "")
					select {
					case asking <- struct{}{}:
					default:
					}
					if errors.Is(err, ErrClosed) {
						return
					}
				}
			})
		}
		<-asking
		e.Close()
		all.Wait()
	}
}
