package v1

// TenantCallbacks is how a tenant wants to be called back.
type TenantCallbacks struct {
	Names     []string `json:"names"`     // of further meta_ parameters that are callbacks of servers, without "meta_"
	Algorithm string   `json:"algorithm"` // that tokens are signed with
	Insecure  bool     `json:"insecure"`  // certificates of its receivers are not verified
	Analytics bool     `json:"analytics"` // what servers tell of who did what is kept
}

// CallbackChange asks for that to be changed. What is nil stays.
type CallbackChange struct {
	Names     *[]string `json:"names,omitempty"`     // all of them, instead of those that there are
	Algorithm *string   `json:"algorithm,omitempty"` // HS256, HS384 or HS512; "" is HS256, and HS512 for analytics
	Insecure  *bool     `json:"insecure,omitempty"`
	Analytics *bool     `json:"analytics,omitempty"`
}
