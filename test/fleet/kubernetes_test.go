package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const kubernetesFolder = "ops/kubernetes"

// overlays are what a person applies.
var overlays = []string{"example", "next"}

// objectOf makes an object of a kind, to be decoded into.
var objectOf = map[string]func() any{
	"v1/Namespace":                           func() any { return &corev1.Namespace{} },
	"v1/ServiceAccount":                      func() any { return &corev1.ServiceAccount{} },
	"v1/Service":                             func() any { return &corev1.Service{} },
	"v1/ConfigMap":                           func() any { return &corev1.ConfigMap{} },
	"v1/Secret":                              func() any { return &corev1.Secret{} },
	"v1/PersistentVolumeClaim":               func() any { return &corev1.PersistentVolumeClaim{} },
	"apps/v1/Deployment":                     func() any { return &appsv1.Deployment{} },
	"batch/v1/Job":                           func() any { return &batchv1.Job{} },
	"policy/v1/PodDisruptionBudget":          func() any { return &policyv1.PodDisruptionBudget{} },
	"autoscaling/v2/HorizontalPodAutoscaler": func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"networking.k8s.io/v1/NetworkPolicy":     func() any { return &networkingv1.NetworkPolicy{} },
	"networking.k8s.io/v1/Ingress":           func() any { return &networkingv1.Ingress{} },
}

// cluster is what an overlay makes, by kind and name.
type cluster map[string]any

// built builds an overlay as kubectl does, and decodes each object strictly.
func built(t *testing.T, overlay string) cluster {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(top, kubernetesFolder))))
	secrets := filepath.Join(folder, "example", "secrets")
	require.NoError(t, os.MkdirAll(secrets, 0o700))
	for _, name := range regexp.MustCompile(`secrets/(\w+)\n`).FindAllStringSubmatch(read(t, kubernetesFolder+"/example/kustomization.yaml"), -1) {
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name[1]), []byte("made up"), 0o600))
	}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(folder, overlay))
	require.NoError(t, err)
	all := cluster{}
	for _, resource := range made.Resources() {
		text, err := resource.AsYAML()
		require.NoError(t, err)
		of := objectOf[resource.GetApiVersion()+"/"+resource.GetKind()]
		require.NotNil(t, of, "%s: no type for %s %s", overlay, resource.GetApiVersion(), resource.GetKind())
		object := of()
		require.NoError(t, yaml.UnmarshalStrict(text, object), "%s", text)
		all[resource.GetKind()+"/"+resource.GetName()] = object
	}
	return all
}

// find returns an object of a cluster.
func find[T any](t *testing.T, all cluster, name string) *T {
	t.Helper()
	object, is := all[name].(*T)
	require.True(t, is, "%s is not there", name)
	return object
}

// pods are the templates of a cluster, by the name of their owner.
func (c cluster) pods() map[string]corev1.PodTemplateSpec {
	all := map[string]corev1.PodTemplateSpec{}
	for name, object := range c {
		switch o := object.(type) {
		case *appsv1.Deployment:
			all[name] = o.Spec.Template
		case *batchv1.Job:
			all[name] = o.Spec.Template
		}
	}
	return all
}

func TestEveryPodIsConfined(t *testing.T) {
	for _, overlay := range overlays {
		pods := built(t, overlay).pods()
		require.NotEmpty(t, pods)
		for name, pod := range pods {
			require.True(t, *pod.Spec.SecurityContext.RunAsNonRoot, name)
			require.EqualValues(t, 1000, *pod.Spec.SecurityContext.RunAsUser, name)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type, name)
			require.False(t, *pod.Spec.AutomountServiceAccountToken, name)
			require.Equal(t, "mediaferry", pod.Labels["app.kubernetes.io/part-of"], "%s: network policies select by it", name)
			for _, c := range pod.Spec.Containers {
				require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name)
				require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, name)
				require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, name)
				require.NotZero(t, c.Resources.Requests.Cpu().MilliValue(), name)
				require.NotZero(t, c.Resources.Limits.Memory().Value(), name)
				require.Regexp(t, `:v\d+$`, c.Image, name)
			}
		}
	}
}

// expanded are the arguments of a container as Kubernetes passes them.
func expanded(pod corev1.PodTemplateSpec, c corev1.Container) []string {
	line := append(append([]string{}, c.Command...), c.Args...)
	if len(c.Command) == 0 {
		line = append([]string{"mediaferry"}, line...)
	}
	for i := range line {
		for _, variable := range c.Env {
			path := variable.ValueFrom.FieldRef.FieldPath
			label := strings.TrimSuffix(strings.TrimPrefix(path, "metadata.labels['"), "']")
			line[i] = strings.ReplaceAll(line[i], "$("+variable.Name+")", pod.Labels[label])
		}
	}
	return line
}

func TestPodsCallOurProgramsAsTheyAre(t *testing.T) {
	example := built(t, "example")
	configuration := find[corev1.ConfigMap](t, example, "ConfigMap/mediaferry-config").Data["mediaferry.yaml"]
	variables := find[corev1.ConfigMap](t, example, "ConfigMap/mediaferry-environment").Data
	environment(t, variables, configuration)
	require.Equal(t, "/etc/mediaferry/mediaferry.yaml", variables["MEDIAFERRY_CONFIG"])
	for _, overlay := range overlays {
		for name, pod := range built(t, overlay).pods() {
			c := pod.Spec.Containers[0]
			call := invoked(t, expanded(pod, c))
			if build := call.flags["--build-id"]; build != "" {
				require.True(t, strings.HasSuffix(c.Image, ":"+build), "%s: the image of build %s is %s", name, build, c.Image)
				require.Equal(t, overlay == "next", build == "v2")
			}
			for _, source := range c.EnvFrom {
				require.Contains(t, example, "ConfigMap/"+source.ConfigMapRef.Name, name)
			}
			meets(t, name, call, c)
		}
	}
}

// meets holds ports and probes against what a program serves.
func meets(t *testing.T, name string, call invocation, c corev1.Container) {
	t.Helper()
	listens := call.flags["--listen"]
	require.Equal(t, listens == "", len(c.Ports) == 0, name)
	if listens == "" {
		return
	}
	require.Equal(t, port(t, listens), fmt.Sprint(c.Ports[0].ContainerPort), name)
	served := read(t, "worker/mediaferry-worker/health.go") + read(t, "internal/wiring/metrics.go")
	if call.program == "mediaferry" {
		served = read(t, "internal/front/front.go")
	}
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		require.NotNil(t, probe, name)
		require.Equal(t, intstr.FromString(c.Ports[0].Name), probe.HTTPGet.Port, name)
		require.Contains(t, served, probe.HTTPGet.Path+`"`, name)
	}
	require.NotEqual(t, "/readyz", c.LivenessProbe.HTTPGet.Path, "an outage of Temporal is no reason to restart")
}

func TestTheConfigurationOfKubernetesIsValid(t *testing.T) {
	example := built(t, "example")
	configuration := find[corev1.ConfigMap](t, example, "ConfigMap/mediaferry-config").Data["mediaferry.yaml"]
	secret := find[corev1.Secret](t, example, "Secret/mediaferry")
	variables := find[corev1.ConfigMap](t, example, "ConfigMap/mediaferry-environment").Data
	files := append(secretFiles(configuration), variables["AWS_SHARED_CREDENTIALS_FILE"])
	for name := range secret.Data {
		require.Contains(t, files, "/run/secrets/mediaferry/"+name)
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(files))), len(secret.Data))

	shared, err := loaded(t, configuration, variables).SharedRoots()
	require.NoError(t, err)
	for _, overlay := range overlays {
		for name, pod := range built(t, overlay).pods() {
			mounts := map[string]corev1.VolumeMount{}
			for _, mount := range pod.Spec.Containers[0].VolumeMounts {
				mounts[mount.MountPath] = mount
			}
			require.Contains(t, mounts, "/etc/mediaferry", name)
			require.Contains(t, mounts, "/run/secrets/mediaferry", name)
			if strings.HasPrefix(name, "Job/") {
				continue
			}
			for _, root := range shared {
				require.Contains(t, mounts, root.Path, name)
			}
			dashboard := strings.Contains(name, "dashboard")
			require.Equal(t, !dashboard, mounts[shared[0].Path].ReadOnly, "%s: the page keeps dropped files there", name)
			for _, volume := range pod.Spec.Volumes {
				if claim := volume.PersistentVolumeClaim; claim != nil {
					require.Contains(t, example, "PersistentVolumeClaim/"+claim.ClaimName, name)
				}
			}
		}
	}
}

func TestKubernetesObjectsSelectEachOther(t *testing.T) {
	example, next := built(t, "example"), built(t, "next")
	worker := find[appsv1.Deployment](t, example, "Deployment/mediaferry-worker")
	second := find[appsv1.Deployment](t, next, "Deployment/mediaferry-worker-v2")
	require.NotEqual(t, worker.Spec.Selector.MatchLabels, second.Spec.Selector.MatchLabels, "no version takes the pods of another")
	for _, one := range []*appsv1.Deployment{worker, second} {
		for name, value := range one.Spec.Selector.MatchLabels {
			require.Equal(t, value, one.Spec.Template.Labels[name])
		}
	}
	for _, budget := range []*policyv1.PodDisruptionBudget{
		find[policyv1.PodDisruptionBudget](t, example, "PodDisruptionBudget/mediaferry-worker"),
		find[policyv1.PodDisruptionBudget](t, next, "PodDisruptionBudget/mediaferry-worker-v2"),
	} {
		own := worker
		if budget.Name != worker.Name {
			own = second
		}
		require.Equal(t, own.Spec.Selector.MatchLabels, budget.Spec.Selector.MatchLabels, "a pod has one budget")
	}
	scaler := find[autoscalingv2.HorizontalPodAutoscaler](t, example, "HorizontalPodAutoscaler/mediaferry-worker")
	require.Equal(t, worker.Name, scaler.Spec.ScaleTargetRef.Name)
	adapter := read(t, kubernetesFolder+"/autoscaling/adapter.yaml")
	require.Contains(t, adapter, "{as: "+scaler.Spec.Metrics[0].External.Metric.Name+"}")
	require.Contains(t, read(t, "docs/operations.md"), "`mediaferry_waiting_items`")

	service := find[corev1.Service](t, example, "Service/mediaferry-dashboard")
	page := find[appsv1.Deployment](t, example, "Deployment/mediaferry-dashboard")
	require.Equal(t, service.Spec.Selector["app.kubernetes.io/name"], page.Spec.Template.Labels["app.kubernetes.io/name"])
	require.Equal(t, page.Spec.Template.Spec.Containers[0].Ports[0].Name, service.Spec.Ports[0].TargetPort.String())
	backend := find[networkingv1.Ingress](t, example, "Ingress/mediaferry-dashboard").Spec.Rules[0].HTTP.Paths[0].Backend.Service
	require.Equal(t, service.Name, backend.Name)
	require.Equal(t, service.Spec.Ports[0].Name, backend.Port.Name)
	for _, name := range []string{"mediaferry-dashboard", "mediaferry-worker"} {
		policy := find[networkingv1.NetworkPolicy](t, example, "NetworkPolicy/"+name)
		pod := example.pods()["Deployment/"+name]
		require.Equal(t, policy.Spec.PodSelector.MatchLabels["app.kubernetes.io/name"], pod.Labels["app.kubernetes.io/name"])
		require.Equal(t, pod.Spec.Containers[0].Ports[0].Name, policy.Spec.Ingress[0].Ports[0].Port.String())
	}
	drain := invoked(t, expanded(worker.Spec.Template, worker.Spec.Template.Spec.Containers[0])).flags["--drain"]
	require.Equal(t, "60s", drain)
	require.Greater(t, *worker.Spec.Template.Spec.TerminationGracePeriodSeconds, int64(60))
}
