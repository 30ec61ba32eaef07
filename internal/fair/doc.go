// Package fair shares a node's processors between those who ask for much work.
//
// Work is counted in units: one unit is one comparison on one record, somewhat less than a microsecond. Two things
// bound it:
//
//   - A credential has a budget of units that fills up over time. A request takes what it is about to need with
//     [Task.Reserve], and is refused if its credential has not as much.
//   - What takes longer than a slice, about 50 µs, runs in slices, a few at a time ([Options.Slots]). Between two
//     slices it waits for its turn: organizations take turns, within an organization its credentials, and within a
//     credential whoever came first. So what one asks for delays another organization by a slice for each organization
//     that waits, not by the amount of it.
//
// What fits into one slice, as most requests do, neither waits nor is charged.
package fair
