"""Files in and out, one file per format; the only user of pydicom, SimpleITK, tifffile and the like."""
