package saml

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const coveragePage = "../../docs/saml-coverage.md"

// TestCoverage holds docs/saml-coverage.md to what the service provider does with every message of the tests' tables;
// ROLLCALL_UPDATE_DOCS=1 writes it.
func TestCoverage(t *testing.T) {
	page := "# What becomes of a SAML message\n\n" +
		"Each line is a message of the tests and what the service provider answers. This page is written by\n" +
		"`ROLLCALL_UPDATE_DOCS=1 go test ./samlhook/saml -run TestCoverage`. What only the store can know (a message\n" +
		"that was used, a person who may not come in) is in the tests of `samlhook`.\n"
	cases := 0
	section := func(title string, lines []string) {
		page += "\n## " + title + "\n\n| case | verdict | reason |\n| --- | --- | --- |\n" + strings.Join(lines, "")
		cases += len(lines)
	}
	line := func(name string, refusal *Refusal) string {
		verdict, reason := "accepted", ""
		if refusal != nil {
			verdict, reason = "refused", "`"+string(refusal.Reason)+"`"
		}
		return fmt.Sprintf("| %s | %s | %s |\n", strings.ReplaceAll(name, "|", `\|`), verdict, reason)
	}
	judge := func(connection *Connection, edit func(*Connection), message string) *Refusal {
		if edit != nil {
			edit(connection)
		}
		_, refusal := connection.Verify([]byte(message), testNow)
		return refusal
	}

	var lines []string
	for _, c := range acceptCases() {
		lines = append(lines, line(c.name, judge(testConnection(), c.connection, c.message(t))))
	}
	section("Legal messages", lines)
	for _, table := range []struct {
		title string
		cases []refuseCase
	}{
		{"Signatures", signatureCases()}, {"Signature wrapping", wrappingCases()}, {"XML", xmlCases()},
		{"Content", contentCases()}, {"Requests that are answered", requestCases()},
	} {
		lines = nil
		for _, c := range table.cases {
			lines = append(lines, line(c.name, judge(testConnection(), c.connection, c.message(t))))
		}
		section(table.title, lines)
	}
	lines = nil
	for _, c := range authnCases() {
		lines = append(lines, line(c.name, judge(testConnection(), c.connection, c.message(t))))
	}
	section("What the connection asks for", lines)
	lines = nil
	for _, c := range encryptedCases() {
		lines = append(lines, line(c.name, judge(encryptedConnection(), c.connection, c.build(t))))
	}
	section("Encryption", lines)

	// What is refused before there is a message.
	lines = nil
	for _, c := range readPostCases() {
		_, err := ReadPost(c.request(), 0, nil)
		refusal, _ := err.(*Refusal)
		lines = append(lines, line(c.name, refusal))
	}
	section("Forms", lines)
	lines = nil
	for _, c := range metadataCases() {
		_, refusal := ParseMetadata(c.metadata(), testNow)
		lines = append(lines, line(c.name, refusal))
	}
	section("Metadata", lines)
	page += fmt.Sprintf("\n%d cases.\n", cases)

	if os.Getenv("ROLLCALL_UPDATE_DOCS") == "1" {
		if err := os.WriteFile(coveragePage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile(coveragePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(stored) != page {
		t.Errorf("%s is not what the tests show; write it anew with ROLLCALL_UPDATE_DOCS=1", coveragePage)
	}
}
