-- What the metrics ask of the last 24 hours.
CREATE INDEX review_case_closed ON review_case (closed_at) WHERE state <> 'open';
CREATE INDEX assessment_fault ON assessment (at) WHERE fault IS NOT NULL;
