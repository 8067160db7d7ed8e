package v1

// ParamRule is what becomes of one parameter of a call.
type ParamRule struct {
	Call  string `json:"call"`            // "create" or "join"
	Op    string `json:"op"`              // default, override, remove, add, take or cap
	Name  string `json:"name"`            // of the parameter
	Value string `json:"value,omitempty"` // of a list, separated by commas; none for remove
}
