package state

import (
	"testing"

	"github.com/tidwall/btree"
)

func TestCopiesShareNothing(t *testing.T) {
	var m btree.Map[string, int]
	m.Set("a", 1)
	c := m.Copy()
	m.Set("b", 2)
	if c.Len() != 1 {
		t.Fatal("a copied tree follows its source")
	}
}
