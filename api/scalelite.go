package api

import (
	"slices"
	"strings"
)

// unused are the settings of Scalelite that change what it does and mean nothing here.
var unused = []string{
	"DATABASE_URL", "DB_DISABLED", "FSAPI_PASSWORD", "MULTITENANCY_ENABLED", "REDIS_URL", "S3_BUCKET_NAME",
	"SERVER_ID_IS_HOSTNAME", "USE_EXTERNAL_VOICE_BRIDGE", "VOICE_BRIDGE_LEN",
}

// scalelites returns the names in an environment that Scalelite goes by and bbbpool does not, so that whoever brings an
// environment file along is told.
func scalelites(environ []string) (names []string) {
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); value != "" && slices.Contains(unused, name) {
			names = append(names, name)
		}
	}
	return names
}
