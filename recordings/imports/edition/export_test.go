package edition

var (
	RenameLooked = renameLooked
	RenameFresh  = renameFresh
)
