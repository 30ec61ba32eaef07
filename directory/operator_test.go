package directory_test

import (
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
)

// The operator's token is replaced by a rolling restart: nodes may run beside each other while they share a token.
func TestOperatorTokenRotates(t *testing.T) {
	const a, b, c = "operator-token-a-of-tests", "operator-token-b-of-tests", "operator-token-c-of-tests"
	root := directorytest.Root()
	open := func(tokens ...string) *directory.Store {
		t.Helper()
		return directorytest.Open(t, directorytest.Client(t), directory.Options{Root: root, OperatorToken: tokens[0],
			OtherTokens: tokens[1:]})
	}
	accepts := func(s *directory.Store, token string, want bool) {
		t.Helper()
		_, err := s.System().Authenticate(t.Context(), directory.Credential{Bearer: token})
		if (err == nil) != want {
			t.Errorf("%s: %v, want it accepted: %v", token, err, want)
		}
	}
	refused := func(tokens ...string) {
		t.Helper()
		s, err := directory.Open(t.Context(), directorytest.Client(t), directory.Options{Root: root,
			SecretKey: []byte("rollcall-secret-key-for-tests-32"), OperatorToken: tokens[0], OtherTokens: tokens[1:]})
		if err == nil {
			s.Close()
			t.Errorf("%v: started", tokens)
			return
		}
		if n := len(tokens); !strings.Contains(err.Error(), "other operator tokens (fingerprints ") ||
			strings.Count(err.Error(), ", given ") != 1 {
			t.Errorf("%d tokens: %v", n, err)
		}
		for _, token := range tokens {
			if strings.Contains(err.Error(), token) {
				t.Errorf("the error holds a token: %v", err)
			}
		}
	}

	first, second := open(a), open(a)
	refused(b)
	refused(b, c)
	second.Close()
	second = open(b, a)
	accepts(second, a, true)
	accepts(second, b, true)
	accepts(first, b, false)
	refused(c)
	refused(b) // the first node knows only the old one
	first.Close()
	first = open(b)
	accepts(first, a, false)
	second.Close()
	refused(a)
	second = open(b)
	accepts(second, b, true)
	accepts(second, "", false)
	first.Close()
	second.Close()
	open(c) // nobody runs any more
}

// While the secret key is being replaced, too, nodes know each other's tokens.
func TestOperatorTokenUnderTwoKeys(t *testing.T) {
	before, after := []byte("rollcall-secret-key-for-tests-32"), []byte("rollcall-secret-key-of-tomorrow!")
	o := directory.Options{Root: directorytest.Root(), SecretKey: before}
	directorytest.Open(t, directorytest.Client(t), o)
	o.SecretKey, o.PreviousKeys = after, [][]byte{before}
	directorytest.Open(t, directorytest.Client(t), o)
}

// A node without any operator token runs beside one that has one.
func TestNoOperatorToken(t *testing.T) {
	o := directory.Options{Root: directorytest.Root(), SecretKey: []byte("rollcall-secret-key-for-tests-32")}
	directorytest.Open(t, directorytest.Client(t), o)
	s, err := directory.Open(t.Context(), directorytest.Client(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.System().Authenticate(t.Context(), directory.Credential{Bearer: ""}); err == nil {
		t.Error("nothing is accepted as the operator's token")
	}
}
