// Command scimconform judges any SCIM 2.0 server over HTTP and tells what is
// wrong with it, why, and where the RFCs say so.
//
//	scimconform --url https://host/scim/v2 --token TOKEN --html report.html
//
// Its exit status is 0 if no requirement failed, 1 if one did (or, with
// --strict, was warned of; with --diff, if something got worse), and 2 if the
// suite could not run.
package main
