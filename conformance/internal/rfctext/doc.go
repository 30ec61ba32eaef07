// Package rfctext reads the plain-text form of an RFC, as the RFC Editor
// publishes it, into numbered sentences, so that a requirement can name the
// sentence it rests on without quoting it: by section, number in the section
// and SHA-256.
//
// The text is normalized first: page headers, page footers and the table of
// contents go, every run of white space becomes one blank. A sentence ends
// where its paragraph or list item ends, or at a full stop that is followed by
// a blank and a capital, a digit or a quotation mark.
package rfctext
