package store

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"

	"rollcall/directory/internal/state"
)

// refused returns the error for a transaction that etcd surely did not carry out; nil where that is not sure.
func refused(err error) error {
	var e rpctypes.EtcdError
	if !errors.As(err, &e) {
		if errors.As(rpctypes.Error(err), &e); e == (rpctypes.EtcdError{}) {
			return nil
		}
	}
	switch {
	case errors.Is(e, rpctypes.ErrNoSpace):
		return ErrFull(err)
	case errors.Is(e, rpctypes.ErrRequestTooLarge):
		return &state.Error{Kind: state.TooLarge, Detail: "the change is larger than one transaction of the store may be", Cause: err}
	case errors.Is(e, rpctypes.ErrTooManyRequests):
		return &state.Error{Kind: state.Busy, Detail: "the store has too many requests; try again", Cause: err}
	}
	switch e.Code() {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition:
		return err
	}
	return nil
}
