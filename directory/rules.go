package directory

import "rollcall/directory/schema"

// rule holds what the directory itself demands of a type, beyond its schema. Each may change the document or the record
// that is being written and stage more writes; nil demands nothing.
type rule struct {
	create  func(tx *Tx, r *record, doc schema.Document) error
	replace func(tx *Tx, was, r *record, doc schema.Document) error
	delete  func(tx *Tx, r *record) error
}

// rules by type name. Assigned in init, because the rules themselves create and replace resources.
var rules map[string]rule

func init() {
	rules = map[string]rule{
		userType:             {createUser, replaceUser, deleteUser},
		groupType:            {createGroup, replaceGroup, deleteGroup},
		organizationType:     {createOrganization, replaceOrganization, deleteOrganization},
		accessTokenType:      {createAccessToken, replaceAccessToken, deleteAccessToken},
		identityProviderType: {createConnection, replaceConnection, deleteConnection},
		deletedUserType:      {nil, nil, deleteTombstone},
	}
}
