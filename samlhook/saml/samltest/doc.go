// Package samltest makes the messages that tests of the service provider send: good ones, and every kind of bad one. It
// signs without the code under test, and does what no signer should when a test asks for it.
package samltest
