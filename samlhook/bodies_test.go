package samlhook

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"

	"rollcall/internal/bodies"
	"rollcall/samlhook/saml"
	"rollcall/samlhook/saml/samltest"
)

// Forms that lack their last byte hold no more together than the bound of the node allows one network; what comes
// beyond it is told to try again, and another network's form still fits.
func TestFormsTogether(t *testing.T) {
	const most = 8 << 20
	s := newSite(t)
	connection := s.own(jitOn)
	s.hook.bodies = bodies.New(most)
	router := mux.NewRouter()
	s.hook.Register(router)
	post := func(address string, body io.Reader) int {
		r := httptest.NewRequest("POST", "/orgs/default/saml/"+connection.String()+"/acs", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr, r.ContentLength = address, saml.DefaultBodyBytes
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		return w.Code
	}
	// What a key of the connection signed is read on.
	signed := s.largeBy(connection, "_x", samltest.Keys().IdP).Get("SAMLResponse")
	short := "SAMLResponse=" + url.QueryEscape(signed[:len(signed)/4*4-4])
	short += strings.Repeat("PDw8", saml.DefaultBodyBytes/4)
	short = short[:saml.DefaultBodyBytes-1]

	// Each sends all but the last byte, one after the other, and waits.
	rest := make(chan struct{})
	var done sync.WaitGroup
	codes := make(chan int, 10)
	for range 10 {
		sent := make(chan struct{})
		done.Go(func() {
			codes <- post("192.0.2.1:1", io.MultiReader(strings.NewReader(short), &last{sent: sent, rest: rest}))
			select {
			case <-sent:
			default:
				close(sent) // refused before
			}
		})
		<-sent
		if held := s.hook.bodies.Held(); held > most/2 {
			t.Fatalf("one network holds %d bytes", held)
		}
	}
	if code := post("198.51.100.1:1", strings.NewReader("SAMLResponse=eA==")); code == http.StatusServiceUnavailable {
		t.Error("another network finds no room")
	}
	close(rest)
	done.Wait()
	close(codes)
	count := map[int]int{}
	for code := range codes {
		count[code]++
	}
	if count[http.StatusServiceUnavailable] != 8 || s.hook.bodies.Held() != 0 {
		t.Errorf("statuses %v, %d bytes held at the end", count, s.hook.bodies.Held())
	}
}

// last is the byte that does not come until rest is closed.
type last struct{ sent, rest chan struct{} }

func (l *last) Read([]byte) (int, error) {
	close(l.sent)
	<-l.rest
	return 0, io.ErrUnexpectedEOF
}
