// Command rollcall serves a SCIM 2.0 directory that signs people in through SAML.
//
//	rollcall serve                run the service
//	rollcall demo                 run it with a demo identity provider and sample data
//	rollcall demo sign-in NAME    sign in to a running demo, as a browser would
//	rollcall etcd heal            make room in an etcd cluster that ran out of its quota
//	rollcall snapshot save FILE   save a snapshot of all data of a running service
//	rollcall snapshot verify FILE check a snapshot; restore FILE makes a new data folder from it
//	rollcall health               check whether a running service is ready
//
// Only this package reads flags and environment, listens, and handles signals. Every flag has a variable of the same
// name: --public-url is ROLLCALL_PUBLIC_URL.
package main
