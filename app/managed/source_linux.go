package managed

// Place is where this system keeps the policy, as an administrator calls it.
const Place = "/etc/sealdesk/policies.d"

// System is where Linux keeps policies: *.json in [Place], in name order.
func System() Source { return files{at: Place, dir: true, read: readJSON} }
