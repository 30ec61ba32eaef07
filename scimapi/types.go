package scimapi

// Names of the resource types that have more than a document: a User has groups and effective roles, a Group has
// members.
const (
	userType  = "User"
	groupType = "Group"
)
