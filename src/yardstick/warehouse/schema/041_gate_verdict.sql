-- What the gate after the facts did to the service findings; null at the other gate.
alter table ops.gate_verdict
add column if not exists findings_opened integer,
add column if not exists findings_settled integer;
comment on column ops.gate_verdict.findings_opened is 'Rows of ops.service_finding that the build opened.';
comment on column ops.gate_verdict.findings_settled is 'Rows of ops.service_finding that the build settled.';
