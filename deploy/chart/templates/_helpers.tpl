{{/* The document and the runbook call the Deployment so. */}}
{{- define "virtrigaud.fullname" -}}
{{- .Values.fullnameOverride | default "provider-proxmox" | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "virtrigaud.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "virtrigaud.fullname" .) -}}
{{- end -}}

{{- define "virtrigaud.selector" -}}
app: {{ include "virtrigaud.fullname" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "virtrigaud.labels" -}}
{{ include "virtrigaud.selector" . }}
app.kubernetes.io/name: virtrigaud-proxmox
app.kubernetes.io/component: provider-proxmox
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Cluster-scoped objects of two releases must not be the same. */}}
{{- define "virtrigaud.clusterName" -}}
{{- $name := include "virtrigaud.fullname" . -}}
{{- if eq .Release.Namespace "virtrigaud-system" -}}{{ $name }}{{- else -}}{{ printf "%s-%s" .Release.Namespace $name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "virtrigaud.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
