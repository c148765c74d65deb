{{- define "berth.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "berth.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "berth.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Settings that the chart makes, over which those of `config` win. */}}
{{- define "berth.settings" -}}
{{- $settings := dict "data" "/data/berth-data" "log-format" "json" "docker-host" "off" "drain-timeout" (int .Values.drainSeconds) -}}
{{- if .Values.tls.secret -}}
{{- $_ := set $settings "listen-http" "off" -}}
{{- $_ := set $settings "listen-https" ":8443" -}}
{{- $_ := set $settings "tls-cert" "/tls/tls.crt" -}}
{{- $_ := set $settings "tls-key" "/tls/tls.key" -}}
{{- else -}}
{{- $_ := set $settings "listen-http" ":5000" -}}
{{- $_ := set $settings "insecure-http" true -}}
{{- end -}}
{{- $_ := set $settings "public-url" (printf "https://%s" .Values.host) -}}
{{- if .Values.metrics.enabled -}}
{{- if .Values.metrics.tokenSecret -}}
{{- $_ := set $settings "monitoring-token-file" "/secrets/monitoring/token" -}}
{{- else -}}
{{- $_ := set $settings "listen-metrics" ":9095" -}}
{{- end -}}
{{- end -}}
{{- if .Values.trustedProxies -}}
{{- $_ := set $settings "trusted-proxies" .Values.trustedProxies -}}
{{- end -}}
{{- if .Values.database.url -}}
{{- $_ := set $settings "database" .Values.database.url -}}
{{- if .Values.database.passwordSecret -}}
{{- $_ := set $settings "database-password-file" "/secrets/database/password" -}}
{{- end -}}
{{- end -}}
{{- merge (deepCopy .Values.config) $settings | toYaml -}}
{{- end -}}

{{- define "berth.portName" -}}
{{- if .Values.tls.secret -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{- define "berth.port" -}}
{{- if .Values.tls.secret -}}8443{{- else -}}5000{{- end -}}
{{- end -}}

{{- define "berth.servicePort" -}}
{{- if .Values.tls.secret -}}443{{- else -}}80{{- end -}}
{{- end -}}

{{/* A probe of one path: (list context path). */}}
{{- define "berth.probe" -}}
{{- $root := index . 0 -}}
httpGet:
  path: {{ index . 1 }}
  port: {{ include "berth.portName" $root }}
  {{- if $root.Values.tls.secret }}
  scheme: HTTPS
  {{- end }}
{{- end -}}

{{/* Port of the database: that of the URL, else PostgreSQL's own. */}}
{{- define "berth.databasePort" -}}
{{- regexFind ":[0-9]+$" (urlParse .Values.database.url).host | trimPrefix ":" | default "5432" -}}
{{- end -}}
