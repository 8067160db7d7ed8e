package driver

import "github.com/bbbpool/bbbpool/store/bolt"

// Families are the metrics of all stores that can be opened.
var Families = bolt.Families
