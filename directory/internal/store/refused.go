package store

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"

	"rollcall/directory/internal/state"
)

// refused returns the error for a transaction that etcd surely did not carry out; nil where that is not sure.
func refused(err error) error {
	e, ok := etcdError(err)
	switch {
	case !ok:
		return nil
	case errors.Is(e, rpctypes.ErrRequestTooLarge):
		return errTooLarge(err)
	case errors.Is(e, rpctypes.ErrTooManyRequests):
		return &state.Error{Kind: state.Busy, Detail: "the store has too many requests; try again", Cause: err}
	}
	switch e.Code() {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.FailedPrecondition:
		return err
	}
	return nil
}

func errTooLarge(cause error) error {
	const detail = "the change is larger than a transaction of the store may be"
	return &state.Error{Kind: state.TooLarge, Detail: detail, Cause: cause}
}

// etcdError is the error as etcd made it; in-process it comes as a gRPC status.
func etcdError(err error) (rpctypes.EtcdError, bool) {
	if e, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return e, true
	}
	return errors.AsType[rpctypes.EtcdError](rpctypes.Error(err))
}
