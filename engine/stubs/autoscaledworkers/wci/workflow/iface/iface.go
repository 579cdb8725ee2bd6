// Package iface declares the types in which the Temporal server writes down how
// the workers of a deployment version are to be scaled. It stands in for the
// package of the same path: no scaling is part of the embedded engine.
package iface

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

type (
	// ComputeProviderType names who would run the workers.
	ComputeProviderType string
	// ScalingAlgorithmType names how their number would be found.
	ScalingAlgorithmType string
	// ValidationResult says how a check of a specification ended.
	ValidationResult string
)

// ValidationResultFailed is the result that the server reports as an error.
const ValidationResultFailed ValidationResult = "failed"

type (
	// ComputeProviderSpec is a provider and its settings.
	ComputeProviderSpec struct {
		ProviderType  ComputeProviderType
		Config        *commonpb.Payload
		NexusEndpoint string
	}
	// ScalingAlgorithmSpec is an algorithm and its settings.
	ScalingAlgorithmSpec struct {
		ScalingAlgorithm ScalingAlgorithmType
		Config           *commonpb.Payload
	}
	// ScalingGroupSpec says how the workers of some task queue types are scaled.
	ScalingGroupSpec struct {
		TaskTypes []enumspb.TaskQueueType
		Compute   ComputeProviderSpec
		Scaling   *ScalingAlgorithmSpec
	}
	// ScalingGroupSpecUpdate is a change of a group.
	ScalingGroupSpecUpdate struct {
		Spec       ScalingGroupSpec
		UpdateMask []string
	}
	// WorkerControllerInstanceSpec holds the groups of a deployment version.
	WorkerControllerInstanceSpec struct {
		ScalingGroupSpecs map[string]ScalingGroupSpec
	}
	// ValidationStatus is the result of a check, which the server's workflow of a
	// deployment version reads from a signal.
	ValidationStatus struct {
		LastValidationTime time.Time        `json:"last_validation_time"`
		Status             ValidationResult `json:"status"`
		ErrMessage         string           `json:"err_message,omitempty"`
	}
	// QueryDescribeWorkerControllerInstanceResponse describes an instance.
	QueryDescribeWorkerControllerInstanceResponse struct {
		Spec             *WorkerControllerInstanceSpec
		ValidationStatus *ValidationStatus
	}
	// UpdateWorkerControllerInstanceResponse is the specification after an update.
	UpdateWorkerControllerInstanceResponse struct {
		Spec *WorkerControllerInstanceSpec
	}
)
