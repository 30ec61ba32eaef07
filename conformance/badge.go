package conformance

import (
	"fmt"
	"html"
	"io"
)

// WriteBadge writes a small SVG image with the score, to show beside a
// project's name.
func (rep Report) WriteBadge(w io.Writer) error {
	value := percent(rep.Score())
	color := "#2e7d32"
	switch {
	case rep.Counts.Failed > 0:
		value += fmt.Sprintf(" · %d failed", rep.Counts.Failed)
		color = "#b3261e"
	case rep.Counts.Warned+rep.Counts.Unstable > 0:
		value += fmt.Sprintf(" · %d warnings", rep.Counts.Warned+rep.Counts.Unstable)
		color = "#8a5a00"
	}
	label := "SCIM 2.0 " + rep.Profile
	left, right := 14+int(6.6*float64(len(label))), 14+int(6.6*float64(len([]rune(value))))
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s: %s">
<title>%s: %s</title>
<clipPath id="r"><rect width="%d" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="%d" height="20" fill="#444"/><rect x="%d" width="%d" height="20" fill="%s"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
<text x="%d" y="14">%s</text><text x="%d" y="14">%s</text></g></svg>
`, left+right, html.EscapeString(label), html.EscapeString(value), html.EscapeString(label), html.EscapeString(value),
		left+right, left, left, right, color, left/2, html.EscapeString(label), left+right/2, html.EscapeString(value))
	return err
}
