// Package web is what every page of Rollcall has: the layout, the style sheet and scripts, the headers that keep others
// out of a page, and the words in each language.
//
// A package that has pages brings a folder pages with templates and a folder words with one catalogue a language, and
// makes [Pages] of them once. Nothing is inline in a page: style and scripts are [Assets] under their hash, so that the
// [Policy] of a page can forbid everything else.
package web
