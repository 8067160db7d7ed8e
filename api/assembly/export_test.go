package assembly

import "github.com/bbbpool/bbbpool/api/exposition"

// Families are the metrics that a pool declares.
func Families() [][]exposition.Family { return families() }
