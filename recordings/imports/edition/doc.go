// Package edition is about archives as files: which names they have, what tells one edition of an archive from the next of the
// same name, and how the very one that was meant is moved or removed. It knows no import, and never looks into an archive.
package edition
