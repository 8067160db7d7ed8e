package archive

import "github.com/bbbpool/bbbpool/store"

// Weight is how many bytes of text a recording has, as the limit counts them.
func Weight(r *store.Recording) int { return weight(r) }
