package catalogue

// Names returns the names that are known of a call, in order. Those that front ends may make up are not among them.
func Names(call string) (names []string) {
	for _, p := range tables[call] {
		names = append(names, p.Name)
	}
	return names
}
