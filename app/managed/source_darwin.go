package managed

// Place is where this system keeps the policy, as an administrator calls it: what a configuration profile of the machine
// sets for the application.
const Place = "/Library/Managed Preferences/" + profileType + ".plist"

// System is where macOS keeps what a configuration profile sets for the machine.
func System() Source { return files{at: Place, read: readPlist} }
