package config

// Documented is an option as the manual page must show it.
type Documented struct{ Name, Default string }

// DocumentedOptions are all options, with their documented defaults.
func DocumentedOptions() []Documented {
	var all []Documented
	for _, o := range options(new(Config)) {
		d := Documented{Name: o.name, Default: o.value}
		if o.like != "" {
			d.Default = "as " + o.like
		}
		all = append(all, d)
	}
	return all
}

// Accepted are the keys that have no effect and no warning.
func Accepted() []string { return accepted() }
