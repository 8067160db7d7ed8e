package driver

import (
	"slices"

	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/redis"
)

// Families are the metrics of all stores that can be opened.
var Families = slices.Concat(bolt.Families, redis.Families, postgres.Families)
