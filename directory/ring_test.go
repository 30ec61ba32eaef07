package directory_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// unvouched is a SignIn for the ring of a connection of the organization "default".
func unvouched(connection directory.ID, network, correlation string) directory.Unvouched {
	return directory.Unvouched{Organization: "default", Connection: connection, Network: network, At: time.Now(),
		Document: schema.Document{"outcome": "refused", "correlationId": correlation}}
}

func writeRings(t *testing.T, s *directory.Store, list ...directory.Unvouched) {
	t.Helper()
	if left, err := s.WriteRings(t.Context(), list); err != nil || len(left) != 0 {
		t.Fatalf("%d are left: %v", len(left), err)
	}
}

// found are the correlation ids of all SignIns that match, the newest first.
func found(t *testing.T, d *directory.Directory, text string) (ids []string) {
	t.Helper()
	q := directory.Query{Type: "SignIn", Limit: 10_000}
	if text != "" {
		var err error
		if q.Filter, err = filter.Parse(text, filter.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := d.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Resources {
		ids = append(ids, r.Text("correlationId"))
	}
	return ids
}

func connection(t *testing.T, d *directory.Directory) directory.ID {
	t.Helper()
	return create(t, d, "IdentityProvider", schema.Document{"displayName": "Okta"}).ID
}

// What is in a ring is found by its number on any node, in order among the other SignIns, and by its id.
func TestRingIsRead(t *testing.T) {
	root, c := directorytest.Root(), directorytest.Client(t)
	s := directorytest.Open(t, c, directory.Options{Root: root})
	d := s.Organization("default")
	id := connection(t, d)
	record := func(number string) {
		update(t, d, func(tx *directory.Tx) error {
			_, err := tx.RecordSignIn(schema.Document{"outcome": "refused", "correlationId": number})
			return err
		})
	}
	record("1")
	writeRings(t, s, unvouched(id, "a", "2"), unvouched(directory.ID{}, "a", "3"))
	record("4")
	other := directorytest.Open(t, directorytest.NewClient(t), directory.Options{Root: root}).Organization("default")
	for name, d := range map[string]*directory.Directory{"this node": d, "another": other} {
		if got := fmt.Sprint(found(t, d, "")); got != "[4 3 2 1]" {
			t.Errorf("%s: %s", name, got)
		}
		if got := fmt.Sprint(found(t, d, `correlationId eq "2" and vouched eq false`)); got != "[2]" {
			t.Errorf("%s finds %s", name, got)
		}
	}
	page, err := d.Query(t.Context(), directory.Query{Type: "SignIn", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Resources {
		if got, _, err := other.Get(t.Context(), "SignIn", r.ID); err != nil || string(got.JSON) != string(r.JSON) {
			t.Errorf("GET %s: %v, %v", r.ID, got, err)
		}
	}
	if _, _, err := d.Get(t.Context(), "SignIn", directory.NewID()); directory.KindOf(err) != directory.NotFound {
		t.Errorf("GET of an unknown one: %v", err)
	}
	// Who may not read connections reads none of it.
	writer := d.As(directory.Actor{Type: "AccessToken", Rights: directory.ScopeWrite})
	_, err = writer.Query(t.Context(), directory.Query{Type: "SignIn"})
	if directory.KindOf(err) != directory.Forbidden {
		t.Errorf("a writer lists SignIns: %v", err)
	}
}

// One network has at most 16 slots, a ring 256; whoever has many networks displaces himself first.
func TestRingIsFair(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	id := connection(t, d)
	writeRings(t, s, unvouched(id, "victim", "mine"))
	for round := range 4 {
		var flood []directory.Unvouched
		for i := range 40 {
			flood = append(flood, unvouched(id, "attacker", fmt.Sprint(round, "-", i)))
		}
		writeRings(t, s, flood...)
	}
	if got := found(t, d, ""); len(got) != 1+directory.RingSlotsOfNetwork || got[0] != "3-39" || got[16] != "mine" {
		t.Errorf("one network holds %v", got)
	}
	for round := range 3 {
		var flood []directory.Unvouched
		for network := range 60 {
			for i := range 16 {
				flood = append(flood, unvouched(id, fmt.Sprint("n", network), fmt.Sprint(round, network, i)))
			}
		}
		writeRings(t, s, flood...)
	}
	if got := found(t, d, ""); len(got) != directory.RingSlots {
		t.Errorf("the ring holds %d", len(got))
	}
	if got := found(t, d, `correlationId eq "mine"`); len(got) != 1 {
		t.Error("a flood from 60 networks has displaced the only refusal of another")
	}
	// The ring of another connection is another one.
	second := connection(t, d)
	writeRings(t, s, unvouched(second, "n1", "elsewhere"))
	if got := found(t, d, ""); len(got) != directory.RingSlots+1 {
		t.Errorf("both rings hold %d", len(got))
	}
}

// 33 forged posts a minute leave the SignIns and Events alone of an organization that keeps 60 of them.
func TestRingStarvesNobody(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	id := connection(t, d)
	update(t, d, modify("Organization", snapshot(t, d).Organization().ID,
		schema.Document{"retention": map[string]any{"signIns": json.Number("60"), "events": json.Number("60")}}))
	update(t, d, func(tx *directory.Tx) error {
		_, err := tx.RecordSignIn(schema.Document{"outcome": "signedIn", "correlationId": "genuine"})
		return err
	})
	events := func() int {
		page, err := d.Query(t.Context(), directory.Query{Type: "Event"})
		if err != nil {
			t.Fatal(err)
		}
		return page.Total
	}
	before := events()
	for minute := range 20 {
		var forged []directory.Unvouched
		for i := range 33 {
			forged = append(forged, unvouched(id, fmt.Sprint(i), fmt.Sprint(minute, i)))
		}
		writeRings(t, s, forged...)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(t, d, `correlationId eq "genuine"`); len(got) != 1 {
		t.Error("660 forged posts have pushed out a genuine SignIn")
	}
	if after := events(); after != before {
		t.Errorf("%d Events of forged posts", after-before)
	}
}

// Two nodes that plan for the same ring at one moment take different slots.
func TestRingRace(t *testing.T) {
	root := directorytest.Root()
	d, f := withFaults(t, directory.Options{Root: root})
	s := directory.StoreOf(d)
	other := directorytest.Open(t, directorytest.NewClient(t), directory.Options{Root: root})
	id := connection(t, d)
	for range directory.RingSlotsOfNetwork - 1 {
		writeRings(t, s, unvouched(id, "a", "old"))
	}
	meanwhile := func(do func() (clientv3.OpResponse, error)) (clientv3.OpResponse, error) {
		writeRings(t, other, unvouched(id, "a", "other"), unvouched(id, "b", "other"))
		return do()
	}
	f.will(meanwhile)
	writeRings(t, s, unvouched(id, "a", "mine"))
	count := map[string]int{}
	for _, number := range found(t, d, "") {
		count[number]++
	}
	if count["mine"] != 1 || count["other"] != 2 || count["old"] != directory.RingSlotsOfNetwork-2 {
		t.Errorf("the ring holds %v", count)
	}

	// One whose outcome was not heard is written again and read once; one that was lost comes back.
	f.will(appliedUnheard)
	left, err := s.WriteRings(t.Context(), []directory.Unvouched{unvouched(id, "c", "twice")})
	for range 3 {
		if err == nil {
			break
		}
		left, err = s.WriteRings(t.Context(), left)
	}
	if err != nil || len(found(t, d, `correlationId eq "twice"`)) != 1 {
		t.Errorf("written again: %v, found %v", err, found(t, d, ""))
	}
	f.down.Store(true)
	left, err = s.WriteRings(t.Context(), []directory.Unvouched{unvouched(id, "d", "later")})
	f.down.Store(false)
	if err == nil || len(left) != 1 {
		t.Fatalf("without etcd: %v, %d left", err, len(left))
	}
	writeRings(t, s, left...)
	if len(found(t, d, `correlationId eq "later"`)) != 1 {
		t.Error("what was left was not written")
	}
}

// What belongs to nothing is left out, and so is what is too large; the rest is written.
func TestRingLeavesOut(t *testing.T) {
	s, etcd := openSized(t, directory.Options{})
	d := s.Organization("default")
	id := connection(t, d)
	nobody, large := unvouched(id, "a", "2"), unvouched(id, "a", "3")
	nobody.Organization = "nobody"
	large.Document["explanation"] = fmt.Sprintf("%09000d", 1)
	writeRings(t, s, unvouched(directory.NewID(), "a", "1"), nobody, large, unvouched(id, "a", "4"))
	if got := fmt.Sprint(found(t, d, "")); got != "[4]" {
		t.Errorf("the rings hold %s", got)
	}
	etcd.tells(t, s, 85, false)
	if left, err := s.WriteRings(t.Context(), []directory.Unvouched{unvouched(id, "a", "5")}); len(left) != 1 ||
		directory.KindOf(err) != directory.Full {
		t.Errorf("in a full store: %d left, %v", len(left), err)
	}
}

// A ring goes with its connection, and what is in it with age.
func TestRingIsSwept(t *testing.T) {
	root, c := directorytest.Root(), directorytest.Client(t)
	var offset atomic.Int64
	s := directorytest.Open(t, c, directory.Options{Root: root,
		Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }})
	d := s.Organization("default")
	id, kept := connection(t, d), connection(t, d)
	writeRings(t, s, unvouched(id, "a", "gone"), unvouched(kept, "a", "old"))
	offset.Store(int64(31 * 24 * time.Hour))
	young := unvouched(kept, "a", "young")
	young.At = young.At.AddDate(0, 0, 31)
	writeRings(t, s, young)
	update(t, d, remove("IdentityProvider", id))
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(found(t, d, "")); got != "[young]" {
		t.Errorf("after the sweep the rings hold %s", got)
	}
	// A batch that was planned before the connection was deleted writes nothing.
	writeRings(t, s, unvouched(id, "a", "late"))
	if got := found(t, d, `correlationId eq "late"`); len(got) != 0 {
		t.Error("the ring of a deleted connection was written to")
	}
}
