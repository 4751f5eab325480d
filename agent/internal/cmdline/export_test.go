package cmdline

// Words are all that the grammar knows: command words and flags, without the dash before them.
func Words() []string {
	all := []string{string(Inspect), "setup-firewall=", "configuration-path:", "root:"}
	for _, w := range words() {
		all = append(all, w.text)
	}
	return all
}
