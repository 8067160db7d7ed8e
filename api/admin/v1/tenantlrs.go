package v1

// TenantLRS is a tenant's learning record store (xAPI), which servers are told of at a create. Its secrets are masked: nobody is
// shown them again.
type TenantLRS struct {
	Endpoint      string `json:"endpoint"`
	User          string `json:"user"`
	Password      Secret `json:"password"`
	TokenURL      string `json:"token_url"` // where a token is got in place of user and password; "" for nowhere
	ClientID      string `json:"client_id"`
	ClientSecret  Secret `json:"client_secret"`
	TokenUser     string `json:"token_user"`
	TokenPassword Secret `json:"token_password"`
}

// LRSChange asks for a learning record store to be changed. What is nil stays, what is empty goes; with an empty endpoint all of
// it goes.
type LRSChange struct {
	Endpoint      *string `json:"endpoint,omitempty"`
	User          *string `json:"user,omitempty"`
	Password      *Secret `json:"password,omitempty"`
	TokenURL      *string `json:"token_url,omitempty"`
	ClientID      *string `json:"client_id,omitempty"`
	ClientSecret  *Secret `json:"client_secret,omitempty"`
	TokenUser     *string `json:"token_user,omitempty"`
	TokenPassword *Secret `json:"token_password,omitempty"`
}

// sentLRS is a change on its way, with its secrets in clear: they take the place of those that will not be marshalled.
func sentLRS(c *LRSChange) any {
	if c == nil {
		return nil
	}
	return struct {
		LRSChange
		Password      *string `json:"password,omitempty"`
		ClientSecret  *string `json:"client_secret,omitempty"`
		TokenPassword *string `json:"token_password,omitempty"`
	}{*c, (*string)(c.Password), (*string)(c.ClientSecret), (*string)(c.TokenPassword)}
}
