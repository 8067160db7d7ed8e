package bbb

// PoolMark names what a pool says of itself in answer to a call without a name, where BigBlueButton has its versions. By
// that a pool knows another one, or itself, and takes neither for a server.
const PoolMark = "bbbpool"
