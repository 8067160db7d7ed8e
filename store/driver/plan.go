package driver

import (
	"github.com/bbbpool/bbbpool/store/bolt"
)

// Plan says what Open would do to the databases of a pool, in a sentence each, and changes nothing there.
func Plan(c Config) (list []string, err error) {
	if c.Data == "" {
		return nil, errNoData
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.RedisURL == "" || c.DatabaseURL == "" {
		text, err := bolt.Plan(c.Data)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	if c.RedisURL != "" {
		list = append(list, Place(c.RedisURL)+": has no schema: records of before are read as they are")
	}
	return list, nil
}
