// Package realdata holds no code, only tests: the recipes of examples/real over logs that
// nobody here wrote, against an independent computation.
//
// The data is public and large, so it is not in the repository. The tests look for it in
// the folder that SLUICE_DATA names, or else beside the repository, and are skipped with a
// message where there is none.
package realdata
