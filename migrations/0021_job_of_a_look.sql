-- What one job noted is not closed by what another says of the same subject, with another scanner perhaps. Who is limited sees
-- of a look at several environments the rows of their own alone, so each row tells itself which job looked.
ALTER TABLE exhibit.assessment_subjects ADD COLUMN job text COLLATE "C";
UPDATE exhibit.assessment_subjects s SET job = a.job
  FROM exhibit.assessments a WHERE a.seq = s.seq AND a.observed_to = s.observed_to;
ALTER TABLE exhibit.assessment_subjects ALTER COLUMN job SET NOT NULL;
COMMENT ON COLUMN exhibit.assessment_subjects.job IS '[internal] The job whose evidence was judged.';
