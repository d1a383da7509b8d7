// Package settings holds what the services of Sluice can be told: the flags of coordinator,
// worker and up, and how a value comes from the command line, the environment, a YAML file or a
// default, in this order.
//
// A service's struct is the one place where a setting is written down: the flags, the names of
// variables, the names in a file, `sluice config check` and docs/configuration.md are drawn from
// it. The package reads no environment itself; it is given a way to look names up. It must not
// know what the services do with their settings. Start reading at [Coordinator].
package settings
