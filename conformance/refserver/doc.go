// Package refserver is a small SCIM 2.0 server in memory that keeps every
// requirement the suite observes: filter, sort, index and cursor paging,
// PATCH, Bulk, ETags, /Me, .search, asynchronous requests and security events,
// two tenants, and a custom type that has an attribute of every kind.
//
// It exists so that the suite can be tested: a run against it must be clean,
// and a run against it with one planted fault must find that fault. It favours
// being plainly right over being fast, and handles one request at a time.
package refserver
