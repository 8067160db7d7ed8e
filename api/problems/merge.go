package problems

// merge tells a problem and what it is the root of in one line. The list is sorted, the worst first, and what is left of it
// stays so; the list itself is changed.
//
// What comes of a root and is worse takes its line over: that the store cannot be written is said first, and behind it
// which disk is full. What is not worse goes without saying, as that imports wait for room on that disk. What comes of a
// root that nobody has found stands for itself. Where there are several roots of one kind, as two disks that are full, nobody
// knows which of them it comes of, and the last is taken for it.
//
// Sources do the rest: who owns several things that fail for one reason, as directories on one disk, says so once.
func merge(list []Problem) []Problem {
	told := map[Cause]int{} // where the line of each root is
	for i, p := range list {
		if p.Root != "" {
			told[p.Root] = i
		}
	}
	gone := make([]bool, len(list)) // those whose lines are told elsewhere
	for i, p := range list {
		at, found := told[p.Cause]
		switch {
		case p.Cause == "" || !found:
		case p.Severity < list[at].Severity:
			list[i].Text, list[i].Remedy = p.String()+"; "+list[at].String(), ""
			gone[at], told[p.Cause] = true, i
		default:
			gone[i] = true
		}
	}
	left := list[:0]
	for i, p := range list {
		if !gone[i] {
			left = append(left, p)
		}
	}
	return left
}
