// Command mutate measures what the conformance suite finds: it makes mutants of
// the reference server, at the source level and knowing nothing of what the
// suite sends, and runs the suite on each.
//
//	go run ./conformance/internal/mutate            all mutants
//	go run ./conformance/internal/mutate -each 5    every fifth
//	go run ./conformance/internal/mutate -set forced -sample 100 -seed 6
//
// The operators are generic: comparisons are inverted or shifted by one, "and"
// and "or" are swapped, conditions negated, statements dropped, truth values
// flipped, and functions of package strings exchanged for weaker ones. The set
// "forced" has others, for samples of mutants that the suite was not tuned by:
// conditions that are always true or always false, "continue" that becomes
// "break", "-" that becomes "+", and min and max exchanged. All are
// compiled into one test binary, in which -mutant selects one.
//
// Mutants that the suite does not find are listed. Those that survivors.txt
// names, with why no client could tell, are equivalent and count for neither
// side. The exit status is 1 if a survivor is not named there.
package main
