"""The PostgreSQL and the Airflow of the default install: started, watched and stopped by us."""
