package main

import (
	"html"
	"regexp"
	"strings"
)

// Rollcall's own pages are simple enough to be read without an HTML parser.
var (
	unseen     = regexp.MustCompile(`(?is)<(head|style|script|button)\b.*?</(head|style|script|button)>`)
	term       = regexp.MustCompile(`(?i)</dt>\s*<dd>`)
	block      = regexp.MustCompile(`(?i)</?(` + blocks + `)\b[^>]*>`)
	tag        = regexp.MustCompile(`(?s)<[^>]*>`)
	whitespace = regexp.MustCompile(`[ \t\r\f]+`)
)

// blocks are the elements that start a line.
const blocks = `p|h[1-6]|div|main|header|footer|section|ul|ol|li|dl|dt|dd|table|tr|form|pre|br|body|html`

// pageText returns the text of a page as a person reads it: one line for each block, without markup and buttons.
func pageText(page string) string {
	page = unseen.ReplaceAllString(page, "")
	page = strings.ReplaceAll(page, "\n", " ")
	page = term.ReplaceAllString(page, ": ")
	page = block.ReplaceAllString(page, "\n")
	page = html.UnescapeString(tag.ReplaceAllString(page, ""))
	var lines []string
	for line := range strings.Lines(whitespace.ReplaceAllString(page, " ")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
